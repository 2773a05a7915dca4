import type { Metadata } from "next";
import { KeysBoard } from "@/components/keys/keys-board";
import { KeysSkeleton } from "@/components/keys/keys-skeleton";
import { ClientOnly } from "@/components/ui/client-only";
import { requireSession } from "../require-session";

export const metadata: Metadata = { title: "Keys" };

export default async function KeysPage() {
  await requireSession();
  return (
    <ClientOnly fallback={<KeysSkeleton />}>
      <KeysBoard />
    </ClientOnly>
  );
}
