/** Requests that tell the attributes of the file that they found, made or changed (EXTENSIONS.md). */

import { fileAttr } from '../attributes.ts';
import { Extension } from '../extensions.ts';
import { structure } from '../layout.ts';
import { type Operation, operation } from '../operation.ts';
import type { ProcedureName } from '../procedure.ts';
import { attrBitmap } from '../types.ts';
import { attributeOperations } from './attribute.ts';
import { nameOperations } from './name.ts';
import { openOperations } from './open.ts';

/** The row of a procedure that does what `base` does and GETATTR_INLINE after it. */
function withAttributes<Arguments, Results>(
  name: ProcedureName,
  structureName: string,
  base: Operation<Arguments, Results>,
) {
  return operation(name, {
    category: base.category,
    extension: Extension.NAMES,
    arguments: [
      `DAFS_${structureName}_Args`,
      structure({ request: base.arguments.layout, attrRequestBitmap: attrBitmap }),
    ],
    results: [
      `DAFS_${structureName}_Res`,
      structure({ response: base.results.layout, objAttributes: fileAttr }),
    ],
    errors: [...new Set([...base.errors, 'DAFSERR_NOTSUPP' as const])],
  });
}

export const withAttributesOperations = {
  LOOKUP_GETATTR: withAttributes('LOOKUP_GETATTR', 'Lookup_GetAttr', nameOperations.LOOKUP),
  OPEN_GETATTR: withAttributes('OPEN_GETATTR', 'Open_GetAttr', openOperations.OPEN),
  CREATE_GETATTR: withAttributes('CREATE_GETATTR', 'Create_GetAttr', nameOperations.CREATE),
  LINK_GETATTR: withAttributes('LINK_GETATTR', 'Link_GetAttr', nameOperations.LINK),
  SETATTR_GETATTR: withAttributes(
    'SETATTR_GETATTR',
    'SetAttr_GetAttr',
    attributeOperations.SETATTR_INLINE,
  ),
};
