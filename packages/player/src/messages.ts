/** What went wrong, as sentences. */

/** The error's message with a capital first letter and an end. */
export function sentence(error: Error): string {
  const text = error.message.trim();
  if (text === '') return 'Something went wrong that the browser does not name.';
  const begun = text[0]!.toUpperCase() + text.slice(1);
  return /[.!?\u2026]$/.test(begun) ? begun : `${begun}.`;
}

const ABORTED = 1;
const NETWORK = 2;
const DECODE = 3;

/** Why `<video>` gave up. `error` is a `MediaError`. */
export function mediaErrorSentence(
  error: { readonly code: number; readonly message: string },
  file: { readonly name: string; readonly type: string },
): string {
  const name = `\u201c${file.name}\u201d`;
  switch (error.code) {
    case ABORTED:
      return `Playing ${name} was stopped.`;
    case NETWORK:
      return `The stream of ${name} broke off; reload the page to go on where it stopped.`;
    case DECODE:
      return `${name} has a part that this browser cannot decode; it can be saved and played elsewhere.`;
    default:
      return `This browser cannot play ${name} (${file.type}); it can be saved and played elsewhere.`;
  }
}
