import { outcomeOfEnd } from "@/components/keys/write-outcome";
import { Notice } from "@/components/ui/notice";
import type { DeleteEnd } from "@/lib/browser/delete-prefix";

export function DeleteEnded({ end }: { end: DeleteEnd }) {
  const { tone, title, text } = outcomeOfEnd(end);
  return (
    <Notice tone={tone} title={title}>
      {text}
    </Notice>
  );
}
