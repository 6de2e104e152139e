import type { Announcements } from './announcements.ts';
import { DOORBELL_BYTES, PeerDoorbell } from './doorbell.ts';
import { NicError } from './error.ts';
import { foreignSegmentKind, type MappedMemory, mapForeignSegment } from './mapped-memory.ts';
import { decodeMessage, GREETING_DESCRIPTORS, type Message, MessageType } from './messages.ts';
import type { QueuePair } from './queue-pair.ts';
import { QueuePairState } from './queue-pair-state.ts';
import { RemoteMemory } from './remote-memory.ts';
import { PeerRing } from './send-ring.ts';
import { closeDescriptor } from './system-calls.ts';
import { TABLE_BYTES } from './translation-protection-table.ts';
import { receiveMessage } from './unix-socket.ts';

/** Who is at the other end, as the kernel says (SO_PEERCRED). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a peer said in HELLO or ACCEPT, and over which socket. */
export interface Greeting {
  readonly socket: number;
  readonly peer: PeerCredentials;
  readonly greeting: Message;
  readonly descriptors: readonly number[];
}

/** What is known of a connection's end: not over, the peer left or died, or it broke the rules. */
export type ConnectionEnd = 'open' | 'gone' | 'corrupt';

/** Messages taken from a socket at one go, so that a flooding peer keeps nobody else waiting. */
const RECEIVE_BATCH = 64;
/** How long a peer may take to end a write into memory that is being taken from it. */
const QUIET_LIMIT_MS = 1000;

/** What joins a queue pair to its peer: the socket, and the peer's memory mapped here. */
export class Connection {
  readonly socket: number;
  readonly peer: PeerCredentials;
  readonly ring: PeerRing;
  readonly memory: RemoteMemory;
  readonly doorbell: PeerDoorbell;
  /** What this side tells the peer. */
  readonly announcements: Announcements;
  readonly #queuePair: QueuePair;
  #end: ConnectionEnd = 'open';

  /**
   * Takes over the socket, its announcements and the descriptors of a greeting, and maps the peer's
   * memory.
   * @throws NicError EPROTO when the peer sent what it must not; socket and announcements then stay
   *   the caller's.
   */
  constructor(
    queuePair: QueuePair,
    announcements: Announcements,
    { socket, peer, greeting, descriptors }: Greeting,
  ) {
    const own = descriptors.slice(0, GREETING_DESCRIPTORS);
    const shared = descriptors.slice(GREETING_DESCRIPTORS);
    let mappings: GreetingMappings;
    try {
      mappings = mapGreeting(greeting, own);
    } catch (error) {
      shared.forEach(closeDescriptor);
      throw error;
    }
    const [ring, epoch, bell, table] = mappings;
    this.socket = socket;
    this.peer = peer;
    this.announcements = announcements;
    this.#queuePair = queuePair;
    this.ring = new PeerRing(ring, greeting.slots, greeting.slotBytes);
    this.doorbell = new PeerDoorbell(epoch, bell);
    const kind = foreignSegmentKind(peer.uid);
    const { segmentBudget } = queuePair.context;
    const share = {
      take: () => segmentBudget.take(peer.pid),
      give: () => segmentBudget.give(peer.pid),
    };
    const number = greeting.queuePairNumber;
    this.memory = new RemoteMemory(table, number, kind, share, () => this.receive());
    try {
      this.memory.addAll(greeting.segments, shared);
    } catch (error) {
      this.#unmap();
      throw error;
    }
  }

  get end(): ConnectionEnd {
    return this.#end;
  }

  /** Notes that the peer broke the rules; the queue pair acts on it. */
  markCorrupt(): void {
    this.#end = 'corrupt';
  }

  /** Whether the peer's queue pair still answers to requests. */
  isReachable(): boolean {
    const { state } = this.ring;
    return state === QueuePairState.RTR || state === QueuePairState.RTS;
  }

  /**
   * Takes in the news on the socket. Its end is noted here and acted on by the queue pair.
   * @returns whether there may be more.
   */
  receive(): boolean {
    for (let count = 0; count < RECEIVE_BATCH; count++) {
      if (this.#end !== 'open') return false;
      try {
        const received = receiveMessage(this.socket);
        if (received === undefined) return false;
        if (received === 'end') this.#end = 'gone';
        else this.#take(received.payload, received.descriptors);
      } catch (error) {
        if (!(error instanceof NicError)) throw error;
        this.#end = 'corrupt';
      }
    }
    return true;
  }

  #take(payload: Uint8Array, descriptors: number[]): void {
    const message = decodeMessageOrClose(payload, descriptors);
    if (message.type === MessageType.RELEASE) this.memory.remove(message.released);
    else if (message.type === MessageType.SEGMENT) {
      this.memory.addAll(message.segments, descriptors);
    } else {
      descriptors.forEach(closeDescriptor);
      throw new NicError('EPROTO', 'a peer greeted twice');
    }
  }

  /** Waits until the peer is not in the middle of changing memory of ours. */
  awaitQuiet(): void {
    // Where the peer can change nothing, it cannot make us wait either.
    if (!this.#queuePair.protectionDomain.isChangeable) return;
    const deadline = performance.now() + QUIET_LIMIT_MS;
    while (this.ring.isActive && this.#end === 'open') {
      // A peer that died in the middle stays active for ever: the socket tells.
      this.receive();
      if (performance.now() > deadline) this.#end = 'corrupt';
    }
  }

  /** Closes the socket, which the peer notices, and unmaps the peer's memory. */
  close(): void {
    this.announcements.close();
    closeDescriptor(this.socket);
    this.#unmap();
  }

  #unmap(): void {
    this.ring.close();
    this.doorbell.close();
    this.memory.close();
  }
}

function decodeMessageOrClose(payload: Uint8Array, descriptors: readonly number[]): Message {
  try {
    return decodeMessage(payload, descriptors);
  } catch (error) {
    descriptors.forEach(closeDescriptor);
    throw error;
  }
}

type GreetingMappings = [MappedMemory, MappedMemory, MappedMemory, MappedMemory];

/** Maps what comes with a greeting: ring, epoch, bell and table. All or nothing. */
function mapGreeting(greeting: Message, descriptors: readonly number[]): GreetingMappings {
  const sizes = [
    PeerRing.bytes(greeting.slots, greeting.slotBytes),
    DOORBELL_BYTES,
    DOORBELL_BYTES,
    TABLE_BYTES,
  ];
  const BELL = 2;
  const mappings: MappedMemory[] = [];
  const left = [...descriptors];
  try {
    for (const [index, bytes] of sizes.entries()) {
      mappings.push(mapForeignSegment(left.shift() ?? -1, bytes, index === BELL));
    }
  } catch (error) {
    for (const mapping of mappings) mapping.unmap();
    left.forEach(closeDescriptor);
    throw error;
  }
  return mappings as GreetingMappings;
}
