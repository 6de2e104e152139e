import { keepCompiledCode } from './compile-cache.ts';
import { keepNurseriesSmall } from './small-nurseries.ts';

keepCompiledCode();
keepNurseriesSmall();
const { runProgram } = await import('./command.ts');
await runProgram(process.argv.slice(2));
