import { administrationVectors } from './administration-vectors.ts';
import { attributeVectors } from './attribute-vectors.ts';
import { extendedAttributeVectors } from './extended-attribute-vectors.ts';
import { ioVectors } from './io-vectors.ts';
import { nameVectors } from './name-vectors.ts';
import { notificationVectors } from './notification-vectors.ts';
import { openVectors } from './open-vectors.ts';
import { ownerLockVectors } from './owner-lock-vectors.ts';
import { sessionVectors } from './session-vectors.ts';
import { spaceVectors } from './space-vectors.ts';
import type { GoldenVector } from './vector.ts';
import { withAttributesVectors } from './with-attributes-vectors.ts';

/** A request and a response of every procedure, at least. */
export const goldenVectors: readonly GoldenVector[] = [
  ...sessionVectors,
  ...administrationVectors,
  ...attributeVectors,
  ...nameVectors,
  ...openVectors,
  ...ownerLockVectors,
  ...ioVectors,
  ...spaceVectors,
  ...notificationVectors,
  ...withAttributesVectors,
  ...extendedAttributeVectors,
];
