import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

interface Room {
  /** Where its files lie; the first room that fits a file is the file's. */
  readonly folder: string;
  /** Beginnings of what its files may import, besides packages. */
  readonly mayImport: readonly string[];
}

/** Who may know whom. */
const rooms: readonly Room[] = [
  { folder: 'nic/', mayImport: ['nic/'] },
  { folder: 'client/protocol/', mayImport: ['client/protocol/'] },
  { folder: 'client/', mayImport: ['client/', 'nic/index.ts'] },
  {
    folder: 'server/',
    mayImport: ['server/', 'client/protocol/', 'client/runtime-directory.ts', 'nic/index.ts'],
  },
  // The command line starts servers, and works on databases that have none; and it is the mount's.
  // What else it needs of the server it asks for as every client does.
  {
    folder: 'mount/commands/serve.ts',
    mayImport: ['mount/', 'client/', 'server/serve.ts', 'nic/system-calls', 'nic/heap.ts'],
  },
  {
    folder: 'mount/commands/backup.ts',
    mayImport: ['mount/', 'client/', 'server/backup/online-backup.ts'],
  },
  { folder: 'mount/main.ts', mayImport: ['mount/', 'nic/exact-imports.ts'] },
  { folder: 'mount/commands/fsck.ts', mayImport: ['mount/', 'server/fsck/fsck.ts'] },
  // A driver waits for the kernel by the same rules as the adapter waits for its peers, and starts its
  // threads as everybody does.
  {
    folder: 'mount/',
    mayImport: [
      'mount/',
      'client/',
      'nic/system-calls',
      'nic/heap.ts',
      'nic/poll-budget.ts',
      'nic/thread.ts',
      'package.json',
    ],
  },
  { folder: 'test/', mayImport: ['test/', 'nic/', 'client/', 'server/', 'mount/', 'package.json'] },
];

/** System calls go through these files alone. The tests have their own: see there why. */
const foreignFunctionCallers = [
  /^nic\/system-calls(-[a-z]+)*\.ts$/,
  /^test\/support\/libc\.ts$/,
  /^test\/simulation\/machine\/sqlite-files\.ts$/,
];

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.(ts|cjs)$/;
const MAXIMUM_LINES = 440;
// Split, so that this file does not find itself.
const UNFINISHED = new RegExp(`\\b(${['TO', 'FIX'].join('DO|')}ME|X{3})\\b`);
const folders = ['nic', 'client', 'server', 'mount', 'test'] as const;

/** Every source file, by its path from the project's top. */
function listSources(): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => join(folder, path))
      .filter((path) => /\.(ts|cjs)$/.test(path)),
  );
}

const sources = listSources().map((path) => ({
  path,
  text: readFileSync(join(project, path), 'utf8'),
}));

/** What a file names of other files: imports, and programs and workers named by URL. */
function referencesOf(text: string): string[] {
  const pattern =
    /(?:from|import|import\(|new URL\()\s*['"`](\.[^'"`]*(?:\.[a-z]+|\$\{[^'"`]*))['"`]/g;
  return [...text.matchAll(pattern)].map(([, reference = '']) => reference);
}

/** The files of the project that a file names, by their paths from its top. */
function importsOf({ path, text }: { path: string; text: string }): string[] {
  return referencesOf(text).map((reference) => normalize(join(dirname(path), reference)));
}

describe('house rules', () => {
  it('find the sources', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.some(({ path }) => path === 'nic/index.ts')).toBe(true);
  });

  it('rooms know only whom they may', () => {
    const offences = sources.flatMap((source) => {
      const room = rooms.find(({ folder }) => source.path.startsWith(folder));
      return importsOf(source)
        .filter((target) => !room?.mayImport.some((allowed) => target.startsWith(allowed)))
        .map((target) => `${source.path} imports ${target}`);
    });
    expect(offences).toEqual([]);
  });

  it('nothing but the files of system calls calls koffi', () => {
    const offences = sources
      .filter(({ text }) => /(from|import|import\(|require\()\s*['"`]koffi['"`]/.test(text))
      .map(({ path }) => path)
      .filter((path) => !foreignFunctionCallers.some((allowed) => allowed.test(path)));
    expect(offences).toEqual([]);
  });

  it('file names are kebab-case', () => {
    const offences = sources
      .map(({ path }) => path)
      .filter(
        (path) =>
          !path
            .split('/')
            .every((part) => KEBAB_CASE.test(`${part.replace(/\.(ts|cjs)$/, '')}.ts`)),
      );
    expect(offences).toEqual([]);
  });

  it(`no file is longer than ${MAXIMUM_LINES} lines`, () => {
    const offences = sources
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .filter(({ lines }) => lines > MAXIMUM_LINES)
      .map(({ path, lines }) => `${path}: ${lines}`);
    expect(offences).toEqual([]);
  });

  it('no comment leaves business unfinished', () => {
    const offences = sources.filter(({ text }) => UNFINISHED.test(text)).map(({ path }) => path);
    expect(offences).toEqual([]);
  });
});

describe('package-lock.json', () => {
  it('holds every optional dependency, or npm ci refuses it on other machines', () => {
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(lock.packages).flatMap(([owner, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {})
        .filter((name) => {
          const nested = `${owner === '' ? '' : `${owner}/`}node_modules/${name}`;
          return !(nested in lock.packages) && !(`node_modules/${name}` in lock.packages);
        })
        .map((name) => `${owner || 'dafs'} wants ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
