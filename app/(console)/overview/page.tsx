import type { Metadata } from "next";
import { OverviewBoard } from "@/components/overview/overview-board";
import { requireSession } from "../require-session";

export const metadata: Metadata = { title: "Overview" };

export default async function OverviewPage() {
  await requireSession();
  return <OverviewBoard />;
}
