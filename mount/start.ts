/** `npm start -- DIRECTORY`. */

import { keepCompiledCode } from './compile-cache.ts';
import { keepNurseriesSmall } from './small-nurseries.ts';

keepCompiledCode();
keepNurseriesSmall();
const { runStart } = await import('./commands/start.ts');
await runStart(process.argv.slice(2));
