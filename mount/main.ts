import { keepCompiledCode } from './compile-cache.ts';

keepCompiledCode();
const { runProgram } = await import('./command.ts');
await runProgram(process.argv.slice(2));
