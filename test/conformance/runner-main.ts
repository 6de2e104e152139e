/**
 * The process that runs conformance cases. It is a process of its own so that a hanging or crashing
 * target takes nothing along: the suite kills it at the time limit and starts the next.
 */
import { isPosixError } from '../support/libc.ts';
import type { ConformanceCase } from './case.ts';
import { conformanceCases } from './cases.ts';
import type { CaseOutcome } from './runner.ts';
import { openTarget, type TargetAddress } from './targets.ts';

const casesByName = new Map(conformanceCases.map((one) => [one.name, one]));
const address = JSON.parse(process.argv[2] ?? '') as TargetAddress;
const session = await openTarget(address);
let made = 0;

function describeError(error: unknown): string {
  if (isPosixError(error)) {
    return `unexpected ${error.message}\n${error.stack ?? ''}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function runCase(one: ConformanceCase): CaseOutcome {
  made += 1;
  const directory = `case-${process.pid}-${made}`;
  const failure = failureOf(() => {
    session.begin(directory);
    one.run(session.target);
  });
  // What a case leaves behind must go as every tree does.
  const leftover = failureOf(() => session.finish(directory));
  const message = failure ?? (leftover && `cannot be cleaned up: ${leftover}`);
  return message === undefined
    ? { name: one.name, passed: true }
    : { name: one.name, passed: false, message };
}

function failureOf(body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

process.on('message', (name: string) => {
  const one = casesByName.get(name);
  if (one === undefined) {
    throw new Error(`no case is named ${name}`);
  }
  process.send?.(runCase(one));
});
process.on('disconnect', () => {
  session.close();
  process.exit(0);
});
process.send?.('ready');
