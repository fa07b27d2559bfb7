/** A secret in a text: UTF-16 offsets, end exclusive, and what it is (`[a-z0-9-]+`). */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** What stands in the place of a secret. */
export const marker = (kind: string, fingerprint: string): string => `[redacted:${kind}:${fingerprint}]`;

const MARKER = /\[redacted:[a-z0-9-]{1,32}:[0-9a-f]{16}\]/g;

/** Spans in order, overlapping ones as one (named after the one that begins first, then after the longest). */
function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last && span.start < last.end) {
      if (span.end > last.end) merged[merged.length - 1] = { ...last, end: span.end };
    } else if (span.end > span.start) {
      merged.push(span);
    }
  }
  return merged;
}

/** Without what an earlier pass has already replaced: redaction twice is redaction once. */
function withoutMarkers(text: string, spans: readonly Span[]): readonly Span[] {
  if (!text.includes('[redacted:')) return spans;
  const done = [...text.matchAll(MARKER)].map((m) => ({ start: m.index, end: m.index + m[0].length }));
  return spans.filter((span) => !done.some((d) => span.start < d.end && d.start < span.end));
}

/** The text with each span replaced by what `stand` gives for the secret. */
export function replaceSpans(text: string, spans: readonly Span[], stand: (kind: string, secret: string) => string) {
  let out = '';
  let from = 0;
  for (const { start, end, kind } of merge(withoutMarkers(text, spans))) {
    out += text.slice(from, start) + stand(kind, text.slice(start, end));
    from = end;
  }
  return out + text.slice(from);
}
