/**
 * Joins names with commas. Only the first 12 of a long list are named.
 *
 * @param names The names.
 */
export function listed(names: readonly string[]): string {
  const most = 12;
  return names.length <= most
    ? names.join(", ")
    : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
