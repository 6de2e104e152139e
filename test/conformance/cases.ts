/** Every case of the suite, in the order in which it is told. */
import type { ConformanceCase } from './case.ts';
import { aclCases } from './cases/acl.ts';
import { attributeCases } from './cases/attributes.ts';
import { capabilityCases } from './cases/capability.ts';
import { copyRangeCases } from './cases/copy-range.ts';
import { dataCases } from './cases/data.ts';
import { directoryCases } from './cases/directory.ts';
import { extendedAttributeCases } from './cases/extended-attribute.ts';
import { inodeFlagCases } from './cases/inode-flags.ts';
import { limitCases } from './cases/limit.ts';
import { linkCases } from './cases/link.ts';
import { recordLockCases } from './cases/lock.ts';
import { mappingCases } from './cases/mapping.ts';
import { nameCases } from './cases/name.ts';
import { namespaceCases } from './cases/namespace.ts';
import { noAccessTimeCases } from './cases/no-access-time.ts';
import { openCases } from './cases/open.ts';
import { openFileLockCases } from './cases/open-file-lock.ts';
import { permissionCases } from './cases/permission.ts';
import { permissionMatrixCases } from './cases/permission-matrix.ts';
import { renameCases } from './cases/rename.ts';
import { renameFlagCases } from './cases/rename-flags.ts';
import { setIdCases } from './cases/set-id.ts';
import { sizeCases } from './cases/size.ts';
import { spaceCases } from './cases/space.ts';
import { timesCases } from './cases/times.ts';
import { unnamedCases } from './cases/unnamed.ts';

export const conformanceCases: readonly ConformanceCase[] = [
  ...openCases,
  ...dataCases,
  ...sizeCases,
  ...mappingCases,
  ...spaceCases,
  ...copyRangeCases,
  ...namespaceCases,
  ...linkCases,
  ...renameCases,
  ...renameFlagCases,
  ...unnamedCases,
  ...attributeCases,
  ...timesCases,
  ...noAccessTimeCases,
  ...permissionCases,
  ...permissionMatrixCases,
  ...setIdCases,
  ...capabilityCases,
  ...extendedAttributeCases,
  ...aclCases,
  ...inodeFlagCases,
  ...directoryCases,
  ...nameCases,
  ...limitCases,
  ...recordLockCases,
  ...openFileLockCases,
];

const distinct = new Set(conformanceCases.map(({ name }) => name));
if (distinct.size !== conformanceCases.length) {
  throw new Error('two conformance cases share a name');
}
