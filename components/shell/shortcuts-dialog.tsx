"use client";

import { COMMAND, SHORTCUTS } from "@/components/shell/shortcuts";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { useCommandKey } from "@/components/ui/platform";

interface ShortcutsDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function ShortcutsDialog({ open, onOpenChange }: ShortcutsDialogProps) {
  const commandKey = useCommandKey();
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Keyboard shortcuts"
      description="Everything in the console can be done without a mouse."
    >
      <div className="grid gap-x-10 gap-y-5 sm:grid-cols-2">
        {SHORTCUTS.map((group) => (
          <section key={group.title}>
            <h3 className="pb-1.5 text-xs font-medium text-ink-3">{group.title}</h3>
            <dl className="flex flex-col gap-1.5">
              {group.list.map((shortcut) => (
                <div key={shortcut.does} className="flex items-start justify-between gap-3">
                  <dt className="text-sm">{shortcut.does}</dt>
                  <dd className="flex shrink-0 gap-1 pt-px">
                    {shortcut.keys.map((key) => (
                      <Kbd key={key}>{key === COMMAND ? commandKey : key}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
