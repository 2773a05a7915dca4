import { route } from "@/lib/http/handler.ts";
import { createKey, deleteKey, readKey, saveKey } from "@/lib/http/key-value.ts";
import { CreateRequest, REQUEST_BYTES_MAX, SaveRequest, ValueQuery } from "@/lib/schema/keys.ts";

export const dynamic = "force-dynamic";

/** The largest key and value in base64, with room to say clearly that they are too large. */
const bodyBytesMax = REQUEST_BYTES_MAX * 4;

export const GET = route({ query: ValueQuery }, readKey);
export const PUT = route({ query: ValueQuery, body: SaveRequest, bodyBytesMax }, saveKey);
export const POST = route({ body: CreateRequest, bodyBytesMax }, createKey);
export const DELETE = route({ query: ValueQuery }, deleteKey);
