/** The suite over one target: every case run, every skip proved. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { call, isPosixError, pathBytes } from '../support/libc.ts';
import { isRoot } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import type { ConformanceCase, Requirement } from './case.ts';
import { type CaseOutcome, CaseRunner } from './runner.ts';
import { findSkip } from './skip-list.ts';
import type { TargetDefinition } from './target-table.ts';

export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly message: string }
  /** Listed in skip-list.ts, and failing as listed. */
  | { readonly kind: 'skipped'; readonly reason: string; readonly message: string }
  /** The machine lacks what the case requires. */
  | { readonly kind: 'not run'; readonly reason: string };

const dividedReason = 'what is open in two mounts is seen within milliseconds, and not at once';

const EXT4_MAGIC = 0xef53;

const requirements: Readonly<
  Record<Exclude<Requirement, 'one kernel'>, (directory: string) => string | undefined>
> = {
  root: () => (isRoot() ? undefined : 'needs root'),
  'size limit': (directory) =>
    statfsSync(directory).type === EXT4_MAGIC ? undefined : 'the reference has no limit of sizes',
  'large attributes': attributeObstacle,
  'inode flags': flagObstacle,
};

function attributeObstacle(directory: string): string | undefined {
  const [path, name] = [pathBytes(directory), pathBytes('user.dafs-test')];
  const longest = new Uint8Array(65_536);
  try {
    call('setxattr', path, name, longest, longest.length, 0);
    call('removexattr', path, name);
    return undefined;
  } catch (error) {
    if (isPosixError(error)) {
      return `the reference has no attribute of 64 KiB: ${error.code}`;
    }
    throw error;
  }
}

/** Containers often have a root who may not set them, on no file system. */
function flagObstacle(directory: string): string | undefined {
  const path = join(directory, 'flagged');
  mkdirSync(path);
  const { status, stderr } = spawnSync('chattr', ['+i', path], { encoding: 'utf8' });
  spawnSync('chattr', ['-i', path]);
  rmdirSync(path);
  return status === 0 ? undefined : `chattr cannot make a directory immutable: ${stderr}`;
}

/** Runs cases over one target and judges them. */
export class SuiteRun {
  readonly definition: TargetDefinition;
  readonly #workspace: Workspace;
  readonly #runner: CaseRunner;

  private constructor(definition: TargetDefinition, workspace: Workspace, runner: CaseRunner) {
    this.definition = definition;
    this.#workspace = workspace;
    this.#runner = runner;
  }

  /** Starts the target, with all that it needs, in a workspace of its own. */
  static async start(definition: TargetDefinition): Promise<SuiteRun> {
    const workspace = Workspace.create();
    try {
      const address = await definition.start(workspace);
      const runner = new CaseRunner(address, workspace.environment);
      return new SuiteRun(definition, workspace, runner);
    } catch (error) {
      await workspace.dispose();
      throw error;
    }
  }

  async judge(one: ConformanceCase): Promise<Verdict> {
    const lack = one.requires.map((name) => this.#lack(name)).find((reason) => reason);
    if (lack !== undefined) {
      return { kind: 'not run', reason: lack };
    }
    const outcome = await this.#runner.run(one.name);
    return this.#verdict(outcome);
  }

  async end(): Promise<void> {
    await this.#runner.end();
    await this.#workspace.dispose();
  }

  /** A requirement of the reference binds the reference alone. */
  #lack(name: Requirement): string | undefined {
    if (name === 'one kernel') {
      return this.definition.isDivided ? dividedReason : undefined;
    }
    const bindsAll = name === 'root' || name === 'inode flags';
    return bindsAll || this.definition.name === 'local'
      ? requirements[name](this.#workspace.directory)
      : undefined;
  }

  #verdict(outcome: CaseOutcome): Verdict {
    const skip = findSkip(this.definition.name, outcome.name);
    const message = outcome.message ?? '';
    if (skip === undefined) {
      return outcome.passed ? { kind: 'passed' } : { kind: 'failed', message };
    }
    return outcome.passed
      ? { kind: 'failed', message: `passes, but is skipped because: ${skip.reason}` }
      : { kind: 'skipped', reason: skip.reason, message };
  }
}
