import '../nic/exact-imports.ts';

const { runProgram } = await import('./command.ts');

await runProgram(process.argv.slice(2));
