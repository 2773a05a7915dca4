import { createSocket, type Socket } from "node:dgram";

const TYPE_A = 1;
const TYPE_SRV = 33;
const RESPONSE_RECURSIVE = 0x8180;
const NO_SUCH_NAME = 3;
const QUESTION_AT = 12;
/** What the question's name is called by in the answers. */
const NAME_POINTER = 0xc000 | QUESTION_AT;

export interface Srv {
  readonly host: string;
  readonly port: number;
  readonly priority?: number;
}

export interface Zone {
  readonly services: Readonly<Record<string, readonly Srv[]>>;
  /** The IPv4 address of each host. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** Speaks as much of DNS (RFC 1035, RFC 2782) over UDP as questions for SRV and A records need. */
export class NameServer {
  zone: Zone = { services: {}, hosts: {} };
  readonly #socket: Socket = createSocket("udp4");

  /** @param port 0: any that is free */
  static async start(address: string, port: number): Promise<NameServer> {
    const server = new NameServer();
    const socket = server.#socket;
    socket.on("message", (question, from) =>
      socket.send(server.#answer(question), from.port, from.address),
    );
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, address, resolve);
    });
    return server;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  stop(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const { name, end } = nameIn(question);
    const type = question.readUInt16BE(end);
    const { services, hosts } = this.zone;
    const address = hosts[name];
    const isKnown = services[name] !== undefined || address !== undefined;
    const records =
      type === TYPE_SRV
        ? (services[name] ?? []).map((srv) => record(TYPE_SRV, dataOf(srv)))
        : type === TYPE_A && address !== undefined
          ? [record(TYPE_A, Buffer.from(address.split(".").map(Number)))]
          : [];
    const head = Buffer.alloc(QUESTION_AT);
    question.copy(head, 0, 0, 2);
    head.writeUInt16BE(RESPONSE_RECURSIVE | (isKnown ? 0 : NO_SUCH_NAME), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    return Buffer.concat([head, question.subarray(QUESTION_AT, end + 4), ...records]);
  }
}

function nameIn(question: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = QUESTION_AT;
  for (let length = question[at] ?? 0; length !== 0; length = question[at] ?? 0) {
    labels.push(question.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join("."), end: at + 1 };
}

function record(type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt16BE(NAME_POINTER, 0);
  fixed.writeUInt16BE(type, 2);
  fixed.writeUInt16BE(1, 4);
  fixed.writeUInt16BE(data.length, 10);
  return Buffer.concat([fixed, data]);
}

function dataOf({ host, port, priority = 0 }: Srv): Buffer {
  const fixed = Buffer.alloc(6);
  fixed.writeUInt16BE(priority, 0);
  fixed.writeUInt16BE(port, 4);
  const labels = host === "" ? [] : host.split(".");
  const name = labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, "latin1")]));
  return Buffer.concat([fixed, ...name, Buffer.alloc(1)]);
}
