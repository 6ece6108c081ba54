/** Names of settings that Celery never shows. */
const HIDDEN = /API|TOKEN|KEY|SECRET|PASS|PROFANITIES_LIST|SIGNATURE|DATABASE|BEAT_DBURI/i;
const MASK = "********";

/** Settings without secrets: masks those with secret names, and passwords in addresses. */
export function censorSettings(
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([name]) => !name.startsWith("_"))
      .map(([name, value]) => [name, HIDDEN.test(name) ? MASK : censor(value)]),
  );
}

function censor(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/(\w+:\/\/[^/@:]*:)[^/@]+@/g, `$1${MASK}@`);
  if (Array.isArray(value)) return value.map(censor);
  if (typeof value === "object" && value !== null) return censorSettings(value as Record<string, unknown>);
  return value;
}
