import { Activity, FolderTree, type LucideIcon, Waypoints } from "lucide-react";

export interface Area {
  readonly name: string;
  readonly label: string;
  readonly Icon: LucideIcon;
  /** Pressed after "g". */
  readonly shortcut: string;
}

export interface AreaGroup {
  readonly label: string;
  readonly areas: readonly Area[];
}

/** Only what works stands here; an area joins its group when its page exists. */
export const AREA_GROUPS: readonly AreaGroup[] = [
  {
    label: "Cluster",
    areas: [{ name: "overview", label: "Overview", Icon: Waypoints, shortcut: "o" }],
  },
  {
    label: "Data",
    areas: [
      { name: "keys", label: "Keys", Icon: FolderTree, shortcut: "k" },
      { name: "watch", label: "Watch", Icon: Activity, shortcut: "w" },
    ],
  },
];

export const AREAS: readonly Area[] = AREA_GROUPS.flatMap((group) => group.areas);
