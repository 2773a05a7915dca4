import { KeysSkeleton } from "@/components/keys/keys-skeleton";

export default function KeysLoading() {
  return <KeysSkeleton />;
}
