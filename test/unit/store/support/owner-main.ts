/** A process that has a store open, with one committed file and one that is not, until it is killed. */
import { FileType, rootId, Store } from '../../../../server/store/index.ts';

const store = Store.open(process.argv[2] as string, { create: true });
const owner = { mode: 0o644, uid: 0, gid: 0 };
store.create(rootId, Buffer.from('committed'), { type: FileType.REGULAR, ...owner });
store.commit();
store.create(rootId, Buffer.from('uncommitted'), { type: FileType.REGULAR, ...owner });
process.stdout.write('ready\n');
// The store must be reachable, or the collector may close it.
setInterval(() => store.inTransaction, 1000);
