import { RequestHeader } from '../../client/protocol/headers.ts';
import type { MessageBuffer } from '../../client/protocol/message-buffer.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Credential } from '../access-control.ts';
import type { Client, Session } from '../sessions/session.ts';
import type { FileId } from '../store/index.ts';
import type { Channel } from './channel.ts';
import type { DispatchEntry } from './dispatch.ts';
import { refuse } from './refusal.ts';

const nobody: Credential = { uid: 65_534, gid: 65_534, groups: [] };

/**
 * One request and its response, from the receive to the send. A channel has one exchange for each
 * request that may be under way, and uses it again and again: nothing is allocated per request, and
 * a request that has to wait keeps what it needs.
 */
export class Exchange {
  readonly channel: Channel;
  readonly request: MessageBuffer;
  readonly response: MessageBuffer;
  /** What the connection knows this exchange by. */
  readonly slot: number;
  readonly header = new RequestHeader();
  status: DafsStatus = DafsStatus.DAFS_STATUS_OK;
  /** The answer depends on the commit, because the request changed something or tells of what did. */
  isModified = false;
  /** The file, or all, that must be on stable storage before the answer goes out. */
  stableFile: FileId | 'all' | undefined;
  /** Its messages carry checksums: the session was there when the request came. */
  isSealed = false;
  /** The procedure and its decoded arguments, as soon as they are known. */
  entry: DispatchEntry | undefined;
  args: object | undefined;
  /** Takes back what a request did outside of the store, when the commit fails. */
  undo: (() => void) | undefined;
  /** On whose behalf the request is made: resolved from the header before a handler sees it. */
  credential: Credential = nobody;

  constructor(channel: Channel, slot: number, request: MessageBuffer, response: MessageBuffer) {
    this.channel = channel;
    this.slot = slot;
    this.request = request;
    this.response = response;
  }

  begin(): void {
    this.status = DafsStatus.DAFS_STATUS_OK;
    this.isModified = false;
    this.stableFile = undefined;
    this.undo = undefined;
    this.isSealed = false;
    this.entry = undefined;
    this.args = undefined;
    clearHeader(this.header);
    this.credential = nobody;
  }

  /** @throws Refusal DAFSERR_BAD_SESSION when there is no session on the channel. */
  get session(): Session {
    return this.channel.session ?? refuse(DafsStatus.DAFSERR_BAD_SESSION);
  }

  /** @throws Refusal DAFSERR_NOT_AUTHENTICATED */
  get client(): Client {
    return this.session.client ?? refuse(DafsStatus.DAFSERR_NOT_AUTHENTICATED);
  }
}

/** What cannot be read of a broken message is answered as zero. */
function clearHeader(header: RequestHeader): void {
  header.protocolVersion = 0;
  header.desiredNreq = 0;
  header.chainFlags = 0;
  header.streamId = 0;
  header.seqNumber = 0;
  header.analyzerLow = 0;
  header.analyzerHigh = 0;
  header.credHandle = 0;
  header.procedure = 0;
}
