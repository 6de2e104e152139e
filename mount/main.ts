import { runProgram } from './command.ts';

await runProgram(process.argv.slice(2));
