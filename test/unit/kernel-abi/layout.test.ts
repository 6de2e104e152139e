import { expect, test } from 'vitest';
import { FieldRangeError, padding, structure } from '../../../mount/kernel-abi/layout.ts';

function viewOf(...bytes: number[]): DataView {
  return new DataView(Uint8Array.from(bytes).buffer);
}

test('fields that do not add up to the declared size are refused at load', () => {
  expect(() => structure('short', 12, { a: 'u32', b: 'u32' })).toThrow('has 8 bytes');
});

test('a field that C would put elsewhere is refused at load', () => {
  expect(() => structure('holed', 12, { a: 'u32', b: 'u53' })).toThrow('misaligned');
  expect(() => structure('padded', 16, { a: 'u32', p: padding(4), b: 'u53' })).not.toThrow();
});

test('a field may not hide what every cursor can do', () => {
  expect(() => structure('clash', 4, { clear: 'u32' })).toThrow('hides');
});

test('a number of 64 bits is one up to 2^53 - 1 and an error beyond', () => {
  const Wide = structure('wide', 8, { value: 'u53' });
  const view = new DataView(new ArrayBuffer(8));
  const cursor = Wide.at(view);
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    cursor.value = value;
    expect(view.getBigUint64(0, true)).toBe(BigInt(value));
    expect(cursor.value).toBe(value);
  }
  view.setBigUint64(0, 2n ** 53n, true);
  expect(() => cursor.value).toThrow(FieldRangeError);
});

test('times before 1970 are negative', () => {
  const Signed = structure('signed', 8, { value: 's53' });
  const view = new DataView(new ArrayBuffer(8));
  const cursor = Signed.at(view);
  for (const value of [-1, -(2 ** 32), -(2 ** 32) - 1, Number.MIN_SAFE_INTEGER, 7]) {
    cursor.value = value;
    expect(view.getBigInt64(0, true)).toBe(BigInt(value));
    expect(cursor.value).toBe(value);
  }
  view.setBigInt64(0, -(2n ** 53n) - 1n, true);
  expect(() => cursor.value).toThrow(FieldRangeError);
});

test('a cursor that moves takes its inner structures along', () => {
  const Inner = structure('inner', 4, { a: 'u16', b: 'u16' });
  const Outer = structure('outer', 8, { before: 'u32', inner: Inner });
  const cursor = Outer.at(viewOf(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 3, 0));
  cursor.moveTo(8);
  expect(cursor.place()).toBe(8);
  expect([cursor.before, cursor.inner.a, cursor.inner.b]).toEqual([1, 2, 3]);
});

test('offsets of fields are known by name', () => {
  const Layout = structure('offsets', 16, { a: 'u32', p: padding(4), b: 'u64' });
  expect(Layout.offsets.b).toBe(8);
});
