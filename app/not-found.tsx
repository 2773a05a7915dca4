import { Compass } from "lucide-react";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { Blank } from "@/components/ui/notice";

export default function NotFound() {
  return (
    <main className="h-dvh">
      <Blank
        icon={<Compass aria-hidden />}
        title="There is no page at this address"
        actions={
          <Button asChild tone="primary">
            <Link href="/overview">Go to the overview</Link>
          </Button>
        }
      >
        It may have been mistyped, or come from another version of the console.
      </Blank>
    </main>
  );
}
