/** Access control lists of all valid shapes. */
import fc from 'fast-check';
import { type Acl, type AclEntry, AclTag, NO_ID } from '../../../../server/store/posix-acl.ts';

/** Few ids, so that lists and callers meet. */
export const arbitraryId = fc.integer({ min: 0, max: 5 });

const permissions = fc.nat(7);

const single = (tag: AclTag): fc.Arbitrary<AclEntry> =>
  permissions.map((granted) => ({ tag, permissions: granted, id: NO_ID }));

const named = (tag: AclTag): fc.Arbitrary<AclEntry[]> =>
  fc.uniqueArray(
    fc.tuple(arbitraryId, permissions).map(([id, granted]) => ({ tag, permissions: granted, id })),
    { selector: ({ id }) => id, maxLength: 4 },
  );

export const arbitraryAcl: fc.Arbitrary<Acl> = fc
  .record({
    owner: single(AclTag.USER_OBJ),
    users: named(AclTag.USER),
    group: single(AclTag.GROUP_OBJ),
    groups: named(AclTag.GROUP),
    mask: single(AclTag.MASK),
    others: single(AclTag.OTHER),
    isMinimal: fc.boolean(),
  })
  .map(({ owner, users, group, groups, mask, others, isMinimal }) =>
    isMinimal ? [owner, group, others] : [owner, ...users, group, ...groups, mask, others],
  );
