/** What several writers append to one file, so that a reader can tell whether all of it is there. */
import type { Random } from '../support/random.ts';

const HEADER_BYTES = 16;
/** Long records make the writers overtake each other; the longest is not much below one request. */
const LENGTHS = [100, 5000, 100_000, 1_000_000];

/** A record of random length and contents that follow from who wrote it. */
export function recordOf(writer: number, number: number, random: Random): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + random.below(random.pick(LENGTHS)));
  const view = new DataView(record.buffer);
  view.setUint32(0, 0xda_f5_da_f5);
  view.setUint32(4, writer);
  view.setUint32(8, number);
  view.setUint32(12, record.length);
  record.fill(fillOf(writer, number), HEADER_BYTES);
  return record;
}

const fillOf = (writer: number, number: number): number => 1 + ((writer * 61 + number * 7) % 255);

/**
 * How many records each writer has in a file.
 * @throws Error when a record is torn, missing, or not in its writer's order
 */
export function countRecords(content: Uint8Array): number[] {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const counts: number[] = [];
  for (let at = 0; at < content.length; ) {
    const place = `the record at ${at} of ${content.length}`;
    if (at + HEADER_BYTES > content.length || view.getUint32(at) !== 0xda_f5_da_f5) {
      throw new Error(`${place} does not begin as one`);
    }
    const writer = view.getUint32(at + 4);
    const number = view.getUint32(at + 8);
    const length = view.getUint32(at + 12);
    if (number !== (counts[writer] ?? 0)) {
      throw new Error(`${place}, number ${number} of ${writer}, follows ${counts[writer]}`);
    }
    const body = content.subarray(at + HEADER_BYTES, at + length);
    if (at + length > content.length || body.some((byte) => byte !== fillOf(writer, number))) {
      throw new Error(`${place} is torn`);
    }
    counts[writer] = number + 1;
    at += length;
  }
  return counts;
}
