/**
 * Imported first, this makes the imports after it cheap. The files of this project name each other as
 * they are, so there is nothing to look for: no file of another name, no package.json that says what
 * kind it is, no link. A thread of a mount has a hundred of them and starts in two thirds of the time.
 */
import { registerHooks } from 'node:module';

const root = new URL('../', import.meta.url).href;
const isTypeScript = import.meta.filename.endsWith('.ts');
const format = isTypeScript ? 'module-typescript' : 'module';
const suffix = isTypeScript ? '.ts' : '.js';

registerHooks({
  resolve(specifier, context, resolveOtherwise) {
    const isOurs =
      specifier.startsWith('.') &&
      specifier.endsWith(suffix) &&
      context.parentURL?.startsWith(root) &&
      !context.parentURL.includes('/node_modules/', root.length - 1);
    return isOurs
      ? { url: new URL(specifier, context.parentURL).href, format, shortCircuit: true }
      : resolveOtherwise(specifier, context);
  },
});
