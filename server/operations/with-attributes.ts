import { ALL_FILE_ATTRIBUTES, type FileAttributes } from '../../client/protocol/attributes.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle } from '../../client/protocol/types.ts';
import { requireDefined } from '../attributes.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { objectAttributes } from '../named-attributes/objects.ts';
import { attributeHandlers } from './attribute.ts';
import { lookupHandlers } from './lookup.ts';
import { nameHandlers } from './name.ts';
import { forEveryObject } from './named-attribute.ts';
import { openHandlers } from './open.ts';

interface RequestWithAttributes<Request> {
  readonly request: Request;
  readonly attrRequestBitmap: number;
}

interface ResponseWithAttributes<Response> {
  readonly response: Response;
  readonly objAttributes: FileAttributes;
}

/** Does what `handler` does, and tells the attributes that the file then has. */
function withAttributes<Request, Response>(
  handler: (service: Service, exchange: Exchange, request: Request) => Response,
  fileOf: (request: Request, response: Response) => Filehandle,
) {
  return (
    service: Service,
    exchange: Exchange,
    { request, attrRequestBitmap }: RequestWithAttributes<Request>,
  ): ResponseWithAttributes<Response> => {
    requireDefined(attrRequestBitmap, ALL_FILE_ATTRIBUTES);
    const response = handler(service, exchange, request);
    if (exchange.status !== DafsStatus.DAFS_STATUS_OK) {
      refuse(exchange.status);
    }
    const handle = fileOf(request, response);
    return { response, objAttributes: objectAttributes(service, handle, attrRequestBitmap) };
  };
}

/** Finding, making and changing files, with their attributes (EXTENSIONS.md of the protocol). */
export const withAttributesHandlers = {
  LOOKUP_GETATTR: withAttributes(
    forEveryObject('LOOKUP', lookupHandlers.LOOKUP),
    (_, response) => response.filehandle,
  ),
  OPEN_GETATTR: withAttributes(openHandlers.OPEN, (_, response) => response.filehandle),
  CREATE_GETATTR: withAttributes(nameHandlers.CREATE, (_, response) => response.filehandle),
  LINK_GETATTR: withAttributes(nameHandlers.LINK, (request) => request.sourceObject),
  SETATTR_GETATTR: withAttributes(
    attributeHandlers.SETATTR_INLINE,
    (request) => request.filehandle,
  ),
} satisfies Handlers;
