/**
 * Changes the attributes of one file and the name of another until it is told to stop: of version n the
 * attributes are n, and the name is that of n's parity.
 * Arguments: the server's socket, the file of the versions.
 */
import { FileClient, Session } from '../../../../client/index.ts';
import { ATTRIBUTES_FILE, Count, Kind, MOVED_FILE, movedName, Versions } from './versions.ts';

const [fabric = '', path = ''] = process.argv.slice(2);
const versions = Versions.open(path);
const session = Session.connect(fabric, { pollMicroseconds: 0 });
const client = new FileClient(session);
const { root } = client;
const creation = { mode: 'guarded', attributes: { mode: 0o600 } } as const;
const file = client.open(root, new TextEncoder().encode('file'), 'both', creation);
client.close(client.open(root, movedName(0), 'both', creation));
versions.begin(ATTRIBUTES_FILE, 1);
versions.begin(MOVED_FILE, 1);

while (!versions.mustStop) {
  const version = versions.announce(ATTRIBUTES_FILE, 1, 0, Kind.DATA);
  const modifyTime = { seconds: version, nseconds: version % 1e9 };
  client.setattr(file.handle, { uid: version, gid: version, modifyTime });
  versions.acknowledge(ATTRIBUTES_FILE, 1, 0);

  const move = versions.announce(MOVED_FILE, 1, 0, Kind.DATA);
  client.rename(root, movedName(move - 1), root, movedName(move));
  versions.acknowledge(MOVED_FILE, 1, 0);
  versions.count(Count.WRITES);
}
session.close();
