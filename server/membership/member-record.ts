// A member as the cluster remembers it, and etcd's JSON of it: Go's field order, empty fields left
// out, the id as a number that is exact beyond 2^53.
import { isJsonObject, parseJson } from "../base/json.ts";

export interface Member {
  readonly id: bigint;
  /** Of who was added sorted, of an update as they were sent. */
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
  /** Empty until the member has started and published itself. */
  readonly name: string;
  readonly clientUrls: readonly string[];
}

/** The part of a member that it publishes about itself. */
export type MemberAttributes = Pick<Member, "name" | "clientUrls">;

export function isStarted(member: Member): boolean {
  return member.name !== "";
}

/** The value in the table `members`, the context of a conf change, an element of `/members`. */
export function memberJson(member: Member): string {
  const parts = [`"id":${member.id}`, ...raftParts(member), ...attributeParts(member)];
  return `{${parts.join(",")}}`;
}

/** The body of `GET /members`: the list and a line feed. */
export function membersJson(members: readonly Member[]): string {
  return `[${members.map(memberJson).join(",")}]\n`;
}

export function raftAttributesJson(member: Member): string {
  return `{${raftParts(member).join(",")}}`;
}

export function attributesJson(attributes: MemberAttributes): string {
  return `{${attributeParts(attributes).join(",")}}`;
}

/** `undefined` when the text is no member. */
export function parseMember(text: string): Member | undefined {
  const value = parsed(text);
  return value === undefined ? undefined : memberOf(value);
}

/** The answer to `GET /members`; `undefined` when it is none. */
export function parseMembers(text: string): Member[] | undefined {
  const value = parsed(text);
  if (!Array.isArray(value)) return undefined;
  const members = value.map(memberOf);
  return members.every((member) => member !== undefined) ? members : undefined;
}

/** What a member published about itself through the v2 API. */
export function parseAttributes(text: string): MemberAttributes | undefined {
  const value = parsed(text);
  return isJsonObject(value) ? attributesOf(value) : undefined;
}

/** The context of a promotion has no URLs: `isPromote` says that the rest is known. */
export interface ChangeContext {
  readonly member: Member;
  readonly isPromote: boolean;
}

export function parseChangeContext(text: string): ChangeContext | undefined {
  const value = parsed(text);
  const member = value === undefined ? undefined : memberOf(value);
  if (member === undefined || !isJsonObject(value)) return undefined;
  return { member, isPromote: value.isPromote === true };
}

export function promotionJson(id: bigint): string {
  return `{"id":${id},"peerURLs":null,"isPromote":true}`;
}

function raftParts(member: Member): string[] {
  const parts = [`"peerURLs":${goJson(member.peerUrls)}`];
  if (member.isLearner) parts.push('"isLearner":true');
  return parts;
}

function attributeParts({ name, clientUrls }: MemberAttributes): string[] {
  const parts: string[] = [];
  if (name !== "") parts.push(`"name":${goJson(name)}`);
  if (clientUrls.length > 0) parts.push(`"clientURLs":${goJson(clientUrls)}`);
  return parts;
}

/** Go escapes what HTML would read as markup. */
function goJson(value: string | readonly string[]): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown): Member | undefined {
  if (!isJsonObject(value)) return undefined;
  const id = idOf(value.id);
  const peerUrls = textsOf(value.peerURLs);
  const attributes = attributesOf(value);
  if (id === undefined || peerUrls === undefined || attributes === undefined) return undefined;
  return { id, peerUrls, isLearner: value.isLearner === true, ...attributes };
}

function attributesOf(value: Readonly<Record<string, unknown>>): MemberAttributes | undefined {
  const name = value.name ?? "";
  const clientUrls = textsOf(value.clientURLs);
  return typeof name === "string" && clientUrls !== undefined ? { name, clientUrls } : undefined;
}

function idOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value > 0n && value < 2n ** 64n ? value : undefined;
  return Number.isSafeInteger(value) && Number(value) > 0 ? BigInt(Number(value)) : undefined;
}

/** Go writes a missing list as null. */
function textsOf(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  return value.every((item) => typeof item === "string") ? [...value] : undefined;
}
