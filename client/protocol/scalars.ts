/** The source that reads and writes each scalar: one table for decoders and encoders. */

import type { ScalarNode, ScalarType } from './layout.ts';

/** Where and how generated source reaches a scalar. */
export interface ScalarAccess {
  /** The source of a position, `offset` bytes into the scalar. */
  readonly at: (offset: number) => string;
  /** The source of the flag that DataView takes: the byte order of the session. */
  readonly order: 'true' | 'false';
  /** The field's path as source. */
  readonly path: string;
  readonly node: ScalarNode;
}

interface ScalarSource {
  /** An expression for the value. */
  readonly read: (access: ScalarAccess) => string;
  /** An expression that is true if the value of the variable `name` fits. */
  readonly fits: (name: string, access: ScalarAccess) => string;
  /** A statement that writes the variable `name`. */
  readonly write: (name: string, access: ScalarAccess) => string;
}

type Width = 'Uint16' | 'Uint32' | 'Int32' | 'BigUint64';

const plain = (width: Width, fits: (name: string) => string, swapped: boolean): ScalarSource => {
  const orderOf = ({ order }: ScalarAccess): string => (swapped ? order : 'true');
  return {
    read: (access) => `view.get${width}(${access.at(0)}, ${orderOf(access)})`,
    fits,
    write: (name, access) => `view.set${width}(${access.at(0)}, ${name}, ${orderOf(access)});`,
  };
};

/** A 64-bit integer as a number: two words, the higher one signed or not. */
const number53 = (signed: boolean): ScalarSource => {
  const offsets = ({ order }: ScalarAccess): [number, number] =>
    order === 'true' ? [4, 0] : [0, 4];
  return {
    read: (access) => {
      const [high, low] = offsets(access).map(access.at);
      const highWord = `view.get${signed ? 'Int32' : 'Uint32'}(${high}, ${access.order})`;
      const lowWord = `view.getUint32(${low}, ${access.order})`;
      return `to${signed ? 'Signed' : 'Unsigned'}53(${highWord}, ${lowWord}, ${access.path})`;
    },
    fits: (name) => `Number.isSafeInteger(${name})${signed ? '' : ` && ${name} >= 0`}`,
    write: (name, access) => {
      const [high, low] = offsets(access).map(access.at);
      const words = `view.setUint32(${high}, Math.floor(${name} / 4294967296), ${access.order});`;
      return `${words} view.setUint32(${low}, ${name} >>> 0, ${access.order});`;
    },
  };
};

const boolean = (get: string, set: string): ScalarSource => ({
  read: ({ at, order, path }) => `toBoolean(view.${get}(${at(0)}, ${order}), ${path})`,
  fits: (name) => `typeof ${name} === 'boolean'`,
  write: (name, { at, order }) => `view.${set}(${at(0)}, ${name} ? 1 : 0, ${order});`,
});

const isUint32 = (name: string): string => `${name} >>> 0 === ${name}`;
const isUint64 = (name: string): string => `${name} >= 0n && ${name} <= 0xffffffffffffffffn`;

export const scalarSources: Readonly<Record<ScalarType, ScalarSource>> = {
  u16: plain('Uint16', (name) => `(${name} & 0xffff) === ${name}`, true),
  u32: plain('Uint32', isUint32, true),
  i32: plain('Int32', (name) => `(${name} | 0) === ${name}`, true),
  u64: plain('BigUint64', isUint64, true),
  opaque32: plain('Uint32', isUint32, false),
  opaque64: plain('BigUint64', isUint64, false),
  u53: number53(false),
  i53: number53(true),
  boolean8: boolean('getUint8', 'setUint8'),
  boolean32: boolean('getUint32', 'setUint32'),
  enumeration: {
    read: ({ at, order, path, node }) =>
      `toEnumeration(view.getUint32(${at(0)}, ${order}), ${node.allowed}, ${path})`,
    fits: (name, { node }) =>
      `(${name} & 31) === ${name} && (${node.allowed} >>> ${name} & 1) === 1`,
    write: (name, { at, order }) => `view.setUint32(${at(0)}, ${name}, ${order});`,
  },
  checksum: {
    read: ({ at, order }) =>
      `view.getUint16(${at(0)}, ${order}) * 65536 + view.getUint16(${at(2)}, ${order})`,
    fits: isUint32,
    write: (name, { at, order }) =>
      `view.setUint16(${at(0)}, ${name} >>> 16, ${order}); view.setUint16(${at(2)}, ${name} & 0xffff, ${order});`,
  },
};
