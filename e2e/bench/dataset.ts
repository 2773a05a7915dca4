import {
  KVDefinition,
  PutRequest,
  type RequestOp,
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { RpcClient } from "../harness/rpc-client.ts";

const OPS_PER_TXN = 100;
const IN_FLIGHT = 16;

/**
 * Half of the keys under /a (100 folders of many), half under /b (many folders of 50), values of
 * 256 bytes, written by transactions of 100 puts.
 */
export async function fill(clientUrl: string, keys: number): Promise<void> {
  const client = new RpcClient(new URL(clientUrl).host);
  const value = Buffer.alloc(256, "v");
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < keys) {
      const first = next;
      next += OPS_PER_TXN;
      const success = Array.from(
        { length: Math.min(OPS_PER_TXN, keys - first) },
        (_, i): RequestOp => {
          return { requestPut: PutRequest.fromPartial({ key: keyAt(first + i, keys), value }) };
        },
      );
      const request = TxnRequest.fromPartial({ success });
      const outcome = await client.unary(KVDefinition, KVDefinition.methods.txn, request);
      if ("failure" in outcome) throw new Error(outcome.failure.text);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  client.close();
}

function keyAt(index: number, keys: number): Buffer {
  const half = Math.floor(keys / 2);
  const digits = (value: number, width: number): string => String(value).padStart(width, "0");
  if (index < half) {
    const perFolder = Math.ceil(half / 100);
    return Buffer.from(
      `/a/${digits(Math.floor(index / perFolder), 3)}/${digits(index % perFolder, 5)}`,
    );
  }
  const at = index - half;
  return Buffer.from(`/b/${digits(Math.floor(at / 50), 5)}/${digits(at % 50, 2)}`);
}
