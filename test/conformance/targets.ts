/** How a runner process comes to the target that its cases run over. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { names } from './expect.ts';
import type { Target } from './target.ts';

/** Where a runner finds its target. */
export type TargetAddress =
  /** A directory of this machine, local or mounted. */
  | {
      readonly kind: 'directory';
      readonly root: string;
      /** Where every other one of the other processes finds the same files; there too when left out. */
      readonly otherRoot?: string;
    }
  /** A server, through the client library. */
  | { readonly kind: 'client'; readonly fabricSocket: string };

/** A target, and what stands around each case. */
export interface TargetSession {
  readonly target: Target;
  /** Makes the case's directory and goes into it; identity and umask are as at the start. */
  begin(directory: string): void;
  /** Closes what the case left open and removes its directory. */
  finish(directory: string): void;
  close(): void;
}

const CASE_UMASK = 0o022;

async function openDirectory(root: string, otherRoot = root): Promise<TargetSession> {
  const { PosixTarget } = await import('./posix-target.ts');
  const target = new PosixTarget((directory) => directory.replace(root, otherRoot));
  return {
    target,
    begin(directory) {
      process.umask(0);
      mkdirSync(join(root, directory), { mode: 0o777 });
      process.umask(CASE_UMASK);
      target.chdir(join(root, directory));
    },
    finish(directory) {
      target.release();
      target.chdir('/');
      removeTree(target, Buffer.from(join(root, directory)));
    },
    close: () => target.end(),
  };
}

async function openClient(fabricSocket: string): Promise<TargetSession> {
  const { ClientTarget } = await import('./client-target.ts');
  const target = new ClientTarget(fabricSocket);
  return {
    target,
    begin(directory) {
      target.umask(0);
      target.mkdir(`/${directory}`, 0o777);
      target.umask(CASE_UMASK);
      target.chdir(`/${directory}`);
    },
    finish(directory) {
      target.release();
      target.chdir('/');
      removeTree(target, Buffer.from(`/${directory}`));
    },
    close: () => target.end(),
  };
}

/** rm -r, with every directory opened to its owner first: cases take permissions away. */
function removeTree(target: Target, path: Uint8Array): void {
  if (target.statLink(path).kind !== 'directory') {
    target.unlink(path);
    return;
  }
  target.chmod(path, 0o700);
  for (const name of names(target, path)) {
    removeTree(target, Buffer.concat([path, Buffer.from('/'), Buffer.from(name, 'latin1')]));
  }
  target.rmdir(path);
}

export function openTarget(address: TargetAddress): Promise<TargetSession> {
  return address.kind === 'directory'
    ? openDirectory(address.root, address.otherRoot)
    : openClient(address.fabricSocket);
}
