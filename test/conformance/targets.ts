/** What the cases can run over, and how a runner process comes to it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PosixTarget } from './posix-target.ts';
import type { Target } from './target.ts';

/** Where a runner finds its target. */
export interface TargetAddress {
  readonly kind: 'directory';
  /** A directory of this machine, local or mounted. */
  readonly root: string;
}

/** A target, and what stands around each case. */
export interface TargetSession {
  readonly target: Target;
  /** Makes the case's directory and goes into it; identity and umask are as at the start. */
  begin(directory: string): void;
  /** Closes what the case left open and removes its directory. */
  finish(directory: string): void;
  close(): void;
}

function openDirectory(root: string): TargetSession {
  const target = new PosixTarget();
  return {
    target,
    begin(directory) {
      process.umask(0);
      mkdirSync(join(root, directory), { mode: 0o777 });
      process.umask(0o022);
      target.chdir(join(root, directory));
    },
    finish(directory) {
      target.release();
      target.chdir('/');
      rmSync(join(root, directory), { recursive: true, force: true });
    },
    close() {
      target.release();
    },
  };
}

const openers = { directory: ({ root }: TargetAddress) => openDirectory(root) } as const;

export async function openTarget(address: TargetAddress): Promise<TargetSession> {
  return openers[address.kind](address);
}
