/** What `<freshet-video>` is made of. */

export interface View {
  readonly video: HTMLVideoElement;
  readonly soundButton: HTMLButtonElement;
  /** Shows a sentence over the picture, or none. */
  say(text: string | undefined, problem?: boolean): void;
  /** Shows the button that turns the sound on. */
  offerSound(offered: boolean): void;
}

const STYLE = `
:host { display: block; position: relative; aspect-ratio: 16 / 9; background: #000; overflow: hidden; }
:host([hidden]) { display: none; }
video { display: block; width: 100%; height: 100%; object-fit: contain; background: transparent; }
[hidden] { display: none !important; }
p, button { position: absolute; font: 500 0.9375rem/1.4 system-ui, sans-serif; color: #fff; }
p {
  inset: auto 1rem 50% 1rem; margin: 0 auto; padding: 0.6rem 1rem; width: fit-content; max-width: 34rem;
  transform: translateY(50%); text-align: center; border-radius: 0.75rem; background: rgb(10 14 20 / 72%);
  pointer-events: none;
}
p.problem { background: rgb(122 18 24 / 94%); pointer-events: auto; }
button {
  inset: 1rem auto auto 1rem; padding: 0.5rem 0.9rem; border: 1px solid rgb(255 255 255 / 45%); cursor: pointer;
  border-radius: 999px; background: rgb(10 14 20 / 78%);
}
button:hover { background: rgb(10 14 20 / 95%); }
button:focus-visible { outline: 3px solid #7cc4ff; outline-offset: 2px; }
`;

export function createView(root: ShadowRoot): View {
  // Not a <style> element: a page's Content-Security-Policy may forbid those.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const video = document.createElement('video');
  video.setAttribute('part', 'video');
  video.playsInline = true;
  const message = document.createElement('p');
  message.setAttribute('part', 'message');
  message.setAttribute('role', 'status');
  message.hidden = true;
  const soundButton = document.createElement('button');
  soundButton.type = 'button';
  soundButton.setAttribute('part', 'sound');
  soundButton.textContent = 'Sound is off \u2013 turn it on';
  soundButton.hidden = true;
  root.append(video, message, soundButton);
  return {
    video,
    soundButton,
    say: (text, problem = false) => {
      if (message.textContent !== (text ?? '')) message.textContent = text ?? '';
      message.hidden = text === undefined;
      message.classList.toggle('problem', problem);
    },
    offerSound: (offered) => {
      soundButton.hidden = !offered;
    },
  };
}
