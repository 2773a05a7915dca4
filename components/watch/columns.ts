/**
 * Header and rows stand in the same grid, inside a container. Time and size give way first where it
 * is narrow, then the value: beside an open event it is in view anyway, and keys are told apart by
 * their ends.
 */
export const COLUMNS =
  "grid grid-cols-[76px_104px_56px_minmax(0,5fr)_minmax(0,6fr)_64px] items-center gap-x-3 px-3 @max-3xl:grid-cols-[76px_56px_minmax(0,5fr)_minmax(0,4fr)] @max-xl:grid-cols-[76px_56px_minmax(0,1fr)]";
export const UNLESS_NARROW = "@max-3xl:hidden";
export const UNLESS_NARROWEST = "@max-xl:hidden";
