/** Requests about attributes of files and of the whole file system, and about links' targets. */

import type { AttributeChanges, Attributes, TimeChange } from '../../file-system.ts';
import { Fattr } from '../../kernel-abi/constants.ts';
import { AccessIn, AttrOut, SetattrIn, StatfsOut, StatxOut } from '../../kernel-abi/structures.ts';
import { fillAttrOut, fillStatxOut } from './attributes.ts';
import type { Service } from './service.ts';

/** Changes of permissions. */
const whoMayDoWhat = Fattr.MODE | Fattr.UID | Fattr.GID;

export function attributeHandlers(service: Service) {
  const { exchange, fileSystem, policy, foresight, freshDirectories } = service;
  const { caller } = exchange;
  const { validity } = policy;
  const setattrIn = exchange.input(SetattrIn);
  const accessIn = exchange.input(AccessIn);
  const attrOut = exchange.output(AttrOut);
  const statxOut = exchange.output(StatxOut);
  const statfsOut = exchange.output(StatfsOut);

  function attributes(): Attributes {
    const { nodeid } = exchange;
    return foresight.attributes(nodeid) ?? fileSystem.getattr(caller, nodeid);
  }

  function timeChange(now: boolean, seconds: number, nseconds: number): TimeChange {
    return now ? 'now' : { seconds, nseconds };
  }

  /**
   * A request that names nothing to be changed comes before a write to a file that the kernel takes
   * for set-ID, or from a chown that changes neither owner: HANDLE_KILLPRIV_V2 makes it our task.
   */
  function changes(valid: number): AttributeChanges {
    const input = setattrIn;
    const wanted: AttributeChanges = {};
    const namesNothing = (valid & ~(Fattr.FH | Fattr.LOCKOWNER)) === 0;
    if (namesNothing || valid & Fattr.KILL_SUIDGID) wanted.killSuidgid = true;
    if (valid & Fattr.MODE) wanted.mode = input.mode & 0o7777;
    if (valid & Fattr.UID) wanted.uid = input.uid;
    if (valid & Fattr.GID) wanted.gid = input.gid;
    if (valid & Fattr.SIZE) wanted.sizeBytes = input.size;
    if (valid & Fattr.ATIME) {
      const now = (valid & Fattr.ATIME_NOW) !== 0;
      wanted.atime = timeChange(now, input.atime, input.atimensec);
    }
    if (valid & Fattr.MTIME) {
      const now = (valid & Fattr.MTIME_NOW) !== 0;
      wanted.mtime = timeChange(now, input.mtime, input.mtimensec);
    }
    return wanted;
  }

  return {
    getattr(): void {
      fillAttrOut(attrOut, attributes(), validity);
      exchange.answer(AttrOut.bytes);
    },

    statx(): void {
      fillStatxOut(statxOut, attributes(), validity);
      exchange.answer(StatxOut.bytes);
    },

    setattr(): void {
      const { valid } = setattrIn;
      if (valid & whoMayDoWhat) freshDirectories.forget(exchange.nodeid);
      const fh = (valid & Fattr.FH) === 0 ? undefined : exchange.fh(SetattrIn.offsets.fh);
      const changed = fileSystem.setattr(caller, exchange.nodeid, changes(valid), fh);
      fillAttrOut(attrOut, changed, validity);
      exchange.answer(AttrOut.bytes);
    },

    readlink(): void {
      const target = fileSystem.readlink(caller, exchange.nodeid);
      exchange.data(target.byteLength).set(target);
      exchange.answerData(target.byteLength);
    },

    access(): void {
      fileSystem.access(caller, exchange.nodeid, accessIn.mask);
      exchange.answer(0);
    },

    statfs(): void {
      const statistics = fileSystem.statfs(caller);
      statfsOut.clear();
      const { st } = statfsOut;
      st.blocks = statistics.blocks;
      st.bfree = statistics.blocksFree;
      st.bavail = statistics.blocksAvailable;
      st.files = statistics.files;
      st.ffree = statistics.filesFree;
      st.bsize = statistics.blockBytes;
      st.frsize = statistics.blockBytes;
      st.namelen = statistics.nameBytes;
      exchange.answer(StatfsOut.bytes);
    },
  };
}
