/**
 * Looks at what status-writer-main.ts changes, without a message, until it is told to stop. Ends with
 * status 1 when what it sees was at no time so, or was older than what had been acknowledged before.
 * Arguments: the server's socket, the file of the versions.
 */

import type { FileStatus } from '../../../../client/file-status.ts';
import { Extension, FileClient, Session } from '../../../../client/index.ts';
import { ATTRIBUTES_FILE, Count, MOVED_FILE, movedName, Versions } from './versions.ts';

const [fabric = '', path = ''] = process.argv.slice(2);
const versions = Versions.open(path);
const session = Session.connect(fabric, { extensions: [Extension.ORDMA], pollMicroseconds: 0 });
const client = new FileClient(session);
const root = { uid: 0, gid: 0, groups: [], capabilities: undefined };
// From then on everything is the writer's.
while (versions.acknowledged(MOVED_FILE, 1, 0) === 0);

function lookup(name: Uint8Array): FileStatus | undefined {
  const status = client.exported.status?.lookup(client.root, name, root);
  // Both are asked for by a message now and then: so they come back to where they are seen.
  versions.count(status === undefined ? Count.READS_BY_MESSAGE : Count.READS_BY_ITSELF);
  if (status === undefined) client.find(client.root, name);
  return status;
}

function problemOfAttributes(): string | undefined {
  const acknowledged = versions.acknowledged(ATTRIBUTES_FILE, 1, 0);
  const status = lookup(new TextEncoder().encode('file'));
  if (status === undefined) {
    client.getattr(client.root);
    return undefined;
  }
  const { uid, gid, modifyTime } = status;
  const isWhole = gid === uid && modifyTime.seconds === uid && modifyTime.nseconds === uid % 1e9;
  const isTimely = uid >= acknowledged && uid <= versions.begun(ATTRIBUTES_FILE, 1, 0);
  return isWhole && isTimely
    ? undefined
    : `uid ${uid}, gid ${gid}, ${JSON.stringify(modifyTime)}, with ${acknowledged} acknowledged`;
}

function problemOfName(parity: number): string | undefined {
  const acknowledged = versions.acknowledged(MOVED_FILE, 1, 0);
  if (lookup(movedName(parity)) === undefined) return undefined;
  const begun = versions.begun(MOVED_FILE, 1, 0);
  const wasThere = begun > acknowledged || acknowledged % 2 === parity;
  return wasThere ? undefined : `the file is seen where it was before move ${acknowledged}`;
}

for (let turn = 0; !versions.mustStop; turn += 1) {
  const problem = problemOfAttributes() ?? problemOfName(turn % 2);
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n`);
    process.exitCode = 1;
    break;
  }
}
session.close();
