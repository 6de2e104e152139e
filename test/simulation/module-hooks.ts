/** What a simulated process finds in place of some modules, and the bugs that are planted in others. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const project = new URL('../../', import.meta.url).href;

/** Modules by their paths from the project's top, and what stands in for them. */
const replacements: ReadonlyMap<string, string> = new Map([
  ['nic/index.ts', 'test/simulation/nic/index.ts'],
  ['server/store/log-sync-thread.ts', 'test/simulation/log-sync-thread.ts'],
]);

/** A bug to plant: pieces of a module that stand there once, and what they become. */
export interface PlantedBug {
  readonly name: string;
  readonly module: string;
  readonly edits: readonly (readonly [piece: string, becomes: string])[];
}

/** From now on modules are replaced. @param bug planted in the module that it is for */
export function replaceModules(bug?: PlantedBug): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const replacement = replacements.get(resolved.url.replace(project, ''));
      return replacement === undefined ? resolved : { ...resolved, url: project + replacement };
    },
    load(url, context, nextLoad) {
      if (bug === undefined || url !== project + bug.module) return nextLoad(url, context);
      return { format: 'module-typescript', source: sourceWith(bug), shortCircuit: true };
    },
  });
}

/** The module as it is with the bug. @throws when one of its pieces does not stand there once */
function sourceWith({ name, module, edits }: PlantedBug): string {
  let source = readFileSync(new URL(module, project), 'utf8');
  for (const [piece, becomes] of edits) {
    const parts = source.split(piece);
    if (parts.length !== 2) {
      throw new Error(`${name}: "${piece}" stands ${parts.length - 1} times in ${module}`);
    }
    source = parts.join(becomes);
  }
  return source;
}
