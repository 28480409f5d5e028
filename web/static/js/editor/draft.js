// Unsaved work in this browser, so that a closed tab loses nothing: documents in localStorage,
// pictures (too large for it) in IndexedDB.

const nameOf = (key) => `draft:${key || "(new)"}`;

/** Keep a document; nothing happens where the browser keeps nothing. */
export function keep(key, value) {
  try {
    localStorage.setItem(nameOf(key), JSON.stringify(value));
  } catch {
    // full, or not allowed: the page still warns before it closes
  }
}

/** Keep the picture that goes with it: {base64, type, width, height}. */
export function keepPicture(key, { base64, type, width, height }) {
  return inPictures("readwrite", (pictures) =>
    pictures.put({ base64, type, width, height }, nameOf(key)),
  );
}

/** What is kept, or null. */
export async function read(key) {
  try {
    const value = JSON.parse(localStorage.getItem(nameOf(key)));
    return (
      value && {
        ...value,
        picture: (await inPictures("readonly", (pictures) => pictures.get(nameOf(key)))) ?? null,
      }
    );
  } catch {
    return null;
  }
}

export function forget(key) {
  try {
    localStorage.removeItem(nameOf(key));
  } catch {
    return;
  }
  inPictures("readwrite", (pictures) => pictures.delete(nameOf(key)));
}

/** One transaction; resolves to undefined where there is no IndexedDB. */
function inPictures(mode, job) {
  return new Promise((resolve) => {
    const nothing = () => resolve(undefined);
    try {
      const opening = indexedDB.open("inspection-editor", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("pictures");
      opening.onerror = nothing;
      opening.onsuccess = () => {
        const asked = job(opening.result.transaction("pictures", mode).objectStore("pictures"));
        asked.onsuccess = () => resolve(asked.result);
        asked.onerror = nothing;
      };
    } catch {
      nothing();
    }
  });
}
