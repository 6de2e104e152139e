import type { Credential } from '../access-control.ts';
import { readKey } from '../state/entry-bytes.ts';
import type { LockMode } from '../state/lock-ranges.ts';
import type { LockKind } from '../state/lock-space.ts';
import { type FileId, StateKind, type StateTable } from '../store/index.ts';
import type { ClientProcess } from './client-process.ts';
import { CredentialTable } from './credentials.ts';
import { Client, type ClientClaim, type Loss, type Principal } from './session.ts';

/** What of a client is under its id; bigints are in hexadecimal. */
interface ClientRecord {
  readonly idString: string;
  readonly verifier: string;
  readonly principal: Principal;
  readonly process: ClientProcess;
  readonly credentialCapacity: number;
  readonly lastCredentialHandle: number;
  /** Those of servers before there were leases have neither. */
  readonly lastLoss?: number;
  readonly losses?: readonly LossRecord[];
}

/** An open by its stateid, a lock by all the rest. */
interface LossRecord {
  readonly number: number;
  readonly fileId: FileId;
  readonly stateId?: string;
  readonly kind?: LockKind;
  readonly first?: string;
  readonly last?: string;
  readonly mode?: LockMode;
  readonly pid?: number;
}

const CLIENT_ID_BYTES = 8;

/**
 * The durable clients in the database: who they are and which credentials they have registered. All
 * changes belong to the transaction that is open, and so to the requests that make them.
 */
export class ClientRecords {
  readonly #state: StateTable;

  constructor(state: StateTable) {
    this.#state = state;
  }

  put(client: Client): void {
    const { claim, principal, process, credentials } = client;
    const record: ClientRecord = {
      idString: claim.idString,
      verifier: claim.verifier.toString(16),
      principal,
      process,
      credentialCapacity: credentials.capacity,
      lastCredentialHandle: credentials.lastHandle,
      lastLoss: client.lastLoss,
      losses: client.losses.map(recordOfLoss),
    };
    this.#state.put(StateKind.CLIENT, clientKey(client), encode(record));
  }

  /** Forgets a client and its credentials. */
  delete(client: Client): void {
    for (const handle of client.credentials.handles()) {
      this.deleteCredential(client, handle);
    }
    this.#state.delete(StateKind.CLIENT, clientKey(client));
  }

  putCredential(client: Client, handle: number, credential: Credential): void {
    this.#state.put(StateKind.CREDENTIAL, credentialKey(client, handle), encode(credential));
    // A handle is never given again: the client's record has the latest one.
    this.put(client);
  }

  deleteCredential(client: Client, handle: number): void {
    this.#state.delete(StateKind.CREDENTIAL, credentialKey(client, handle));
  }

  /** All clients that the last server knew, as they were. */
  read(): Client[] {
    const clients = new Map<bigint, Client>();
    for (const client of this.#state.read(StateKind.CLIENT, readClient)) {
      clients.set(client.clientId, client);
    }
    for (const { clientId, handle, credential } of this.#state.read(
      StateKind.CREDENTIAL,
      readCredential,
    )) {
      clients.get(clientId)?.credentials.restore(handle, credential);
    }
    return [...clients.values()];
  }
}

/** @throws Error for an entry that is no client's */
export function readClient(key: Uint8Array, value: Uint8Array): Client {
  const clientId = readKey(key, CLIENT_ID_BYTES).readBigUInt64BE();
  const record = decode<ClientRecord>(value);
  const { idString, verifier, principal, process } = record;
  const { method, name, credential, isTrusted } = principal;
  requireCredential(credential);
  requireTypes([idString, verifier, name, process.start ?? ''], 'string');
  requireTypes(
    [method, process.pid, record.credentialCapacity, record.lastCredentialHandle],
    'number',
  );
  requireTypes([isTrusted], 'boolean');
  const claim: ClientClaim = { idString, verifier: BigInt(`0x${verifier}`), clientId };
  const { credentialCapacity, lastCredentialHandle } = record;
  const credentials = new CredentialTable(credentialCapacity, lastCredentialHandle);
  const client = new Client(claim, principal, credentials, true, process);
  client.lastLoss = record.lastLoss ?? 0;
  client.losses = (record.losses ?? []).map(lossOfRecord);
  return client;
}

function recordOfLoss(loss: Loss): LossRecord {
  const { number, fileId } = loss;
  if ('stateId' in loss) {
    return { number, fileId, stateId: loss.stateId.toString(16) };
  }
  const { first, last, mode, pid } = loss.range;
  const ends = { first: first.toString(16), last: last.toString(16) };
  return { number, fileId, kind: loss.kind, ...ends, mode, pid };
}

/** @throws Error for what is no loss */
function lossOfRecord({ number, fileId, stateId, ...lock }: LossRecord): Loss {
  requireTypes([number, fileId], 'number');
  if (stateId !== undefined) {
    return { number, fileId, stateId: BigInt(`0x${stateId}`) };
  }
  const { kind, first, last, mode, pid } = lock as Required<typeof lock>;
  requireTypes([kind, mode], 'string');
  requireTypes([pid], 'number');
  const range = { first: BigInt(`0x${first}`), last: BigInt(`0x${last}`), mode, pid };
  return { number, fileId, kind, range };
}

function clientKey({ clientId }: Client): Uint8Array {
  const key = new Uint8Array(CLIENT_ID_BYTES);
  viewOf(key).setBigUint64(0, clientId);
  return key;
}

function credentialKey({ clientId }: Client, handle: number): Uint8Array {
  const key = new Uint8Array(CLIENT_ID_BYTES + 4);
  viewOf(key).setBigUint64(0, clientId);
  viewOf(key).setUint32(CLIENT_ID_BYTES, handle);
  return key;
}

/** @throws Error for an entry that is no credential */
export function readCredential(keyBytes: Uint8Array, value: Uint8Array) {
  const key = readKey(keyBytes, CLIENT_ID_BYTES + 4);
  const credential = decode<Credential>(value);
  requireCredential(credential);
  return {
    clientId: key.readBigUInt64BE(),
    handle: key.readUInt32BE(CLIENT_ID_BYTES),
    credential,
  };
}

function requireCredential({ uid, gid, groups }: Credential): void {
  requireTypes([uid, gid, ...groups], 'number');
}

function requireTypes(values: readonly unknown[], type: string): void {
  for (const value of values) {
    // Not with find(): undefined may be the one that is wrong.
    if (typeof value !== type) {
      throw new TypeError(`${String(value)} is no ${type}`);
    }
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const encode = (record: object): Uint8Array => Buffer.from(JSON.stringify(record));

const decode = <Record>(value: Uint8Array): Record =>
  JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString());
