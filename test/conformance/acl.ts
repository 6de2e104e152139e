/** Access control lists as getfacl(1) writes them, and as the kernel takes them (acl(5)). */

export const ACCESS = 'system.posix_acl_access';
export const DEFAULT = 'system.posix_acl_default';

const NO_ID = 0xffff_ffff;

const TAGS: Readonly<Record<string, readonly [unnamed: number, named: number]>> = {
  u: [0x01, 0x02],
  g: [0x04, 0x08],
  m: [0x10, 0x10],
  o: [0x20, 0x20],
};
const LETTERS = 'ugmo';
const PERMISSIONS = ['r', 'w', 'x'] as const;

/** The attribute for a list such as `u::rw- u:4001:r-- g::r-- m::rw- o::---`. */
export function acl(text: string): Uint8Array {
  const entries = text.split(' ').filter((entry) => entry !== '');
  const value = new DataView(new ArrayBuffer(4 + 8 * entries.length));
  value.setUint32(0, 2, true);
  for (const [index, entry] of entries.entries()) {
    const [letter = '', id = '', permissions = ''] = entry.split(':');
    const offset = 4 + 8 * index;
    const bits = PERMISSIONS.reduce((sum, name) => sum * 2 + Number(permissions.includes(name)), 0);
    value.setUint16(offset, TAGS[letter]?.[id === '' ? 0 : 1] ?? 0, true);
    value.setUint16(offset + 2, bits, true);
    value.setUint32(offset + 4, id === '' ? NO_ID : Number(id), true);
  }
  return new Uint8Array(value.buffer);
}

/** What {@link acl} would make the attribute of. */
export function textOf(attribute: Uint8Array): string {
  const value = new DataView(attribute.buffer, attribute.byteOffset, attribute.byteLength);
  const entries: string[] = [];
  for (let offset = 4; offset < attribute.length; offset += 8) {
    const tag = value.getUint16(offset, true);
    const bits = value.getUint16(offset + 2, true);
    const letter = [...LETTERS].find((key) => TAGS[key]?.includes(tag)) ?? '?';
    const id = TAGS[letter]?.[0] === tag ? '' : String(value.getUint32(offset + 4, true));
    const permissions = PERMISSIONS.map((name, index) => ((bits >> (2 - index)) & 1 ? name : '-'));
    entries.push(`${letter}:${id}:${permissions.join('')}`);
  }
  return entries.join(' ');
}
