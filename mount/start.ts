/** `npm start -- DIRECTORY`. */

import { keepCompiledCode } from './compile-cache.ts';

keepCompiledCode();
const { runStart } = await import('./commands/start.ts');
await runStart(process.argv.slice(2));
