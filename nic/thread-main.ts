/** What every thread begins with; the program that it is for is its first argument. */
import './exact-imports.ts';

await import(process.argv[2] as string);
