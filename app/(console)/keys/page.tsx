import type { Metadata } from "next";
import { KeysBoard } from "@/components/keys/keys-board";
import { requireSession } from "../require-session";

export const metadata: Metadata = { title: "Keys" };

export default async function KeysPage() {
  await requireSession();
  return <KeysBoard />;
}
