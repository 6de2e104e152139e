import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Credential } from '../access-control.ts';

const deriveKey = promisify<string, Buffer, number, Buffer>(scrypt);

const SALT_BYTES = 16;
const KEY_BYTES = 32;
const LINE =
  /^(?<name>[^:]{1,255}):(?<uid>\d+):(?<gid>\d+):(?<groups>(?:\d+(?:,\d+)*)?):(?<salt>[0-9a-f]{32}):(?<key>[0-9a-f]{64})$/;

export type PasswordFileErrorCode = 'UNREADABLE' | 'NOT_PRIVATE' | 'MALFORMED';

/** The password file cannot be used; the server does not start with it. */
export class PasswordFileError extends Error {
  override readonly name = 'PasswordFileError';
  readonly code: PasswordFileErrorCode;

  constructor(code: PasswordFileErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

interface Entry {
  readonly credential: Credential;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/**
 * The users that may authenticate with DAFS_AUTH_TEXT. A line of the file is
 * `name:uid:gid:groups:salt:key`, groups separated by commas, salt and scrypt key in hexadecimal;
 * empty lines and lines that begin with # are skipped.
 */
export class PasswordFile {
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries;
  }

  /**
   * @throws PasswordFileError UNREADABLE, MALFORMED, or NOT_PRIVATE when anybody but the server's
   * own user could have written or read it.
   */
  static read(path: string): PasswordFile {
    requirePrivate(path);
    const entries = new Map<string, Entry>();
    for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
      if (line.trim() !== '' && !line.startsWith('#')) {
        const [name, entry] = parseLine(line, `${path}:${index + 1}`);
        entries.set(name, entry);
      }
    }
    return new PasswordFile(entries);
  }

  /**
   * The credential of a user, or undefined when name or password are wrong. Takes as long for a
   * name that does not exist, so that names cannot be guessed by the clock.
   */
  async verify(name: string, password: string): Promise<Credential | undefined> {
    const entry = this.#entries.get(name);
    const key = await deriveKey(password, entry?.salt ?? Buffer.alloc(SALT_BYTES), KEY_BYTES);
    return entry !== undefined && timingSafeEqual(key, entry.key) ? entry.credential : undefined;
  }
}

/** The line of a password file that lets `name` in with `password`. */
export async function passwordLine(
  name: string,
  password: string,
  credential: Credential,
): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await deriveKey(password, salt, KEY_BYTES);
  const { uid, gid, groups } = credential;
  return [name, uid, gid, groups.join(','), salt.toString('hex'), key.toString('hex')].join(':');
}

function parseLine(line: string, place: string): [string, Entry] {
  const fields = LINE.exec(line)?.groups;
  if (fields === undefined) {
    throw new PasswordFileError('MALFORMED', `${place}: not name:uid:gid:groups:salt:key`);
  }
  const { name = '', uid, gid, groups = '', salt = '', key = '' } = fields;
  const credential = {
    uid: Number(uid),
    gid: Number(gid),
    groups: groups === '' ? [] : groups.split(',').map(Number),
  };
  return [name, { credential, salt: Buffer.from(salt, 'hex'), key: Buffer.from(key, 'hex') }];
}

function requirePrivate(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined || !status.isFile()) {
    throw new PasswordFileError('UNREADABLE', `${path} is not a file`);
  }
  const user = process.geteuid?.();
  if (status.uid !== user || (status.mode & 0o077) !== 0) {
    throw new PasswordFileError(
      'NOT_PRIVATE',
      `${path} must belong to user ${user} alone: chown ${user} and chmod 600 it`,
    );
  }
}
