import type { LayoutFile } from './layout.ts';

/** Where a torrent's files are, some of them elsewhere than the torrent has them. */
export class PathTable {
  readonly #files: readonly LayoutFile[];
  readonly #paths: ReadonlyMap<number, readonly string[]>;

  constructor(files: readonly LayoutFile[], paths: ReadonlyMap<number, readonly string[]>) {
    this.#files = files;
    this.#paths = paths;
  }

  pathOf(index: number): readonly string[] {
    return this.#paths.get(index) ?? this.#files[index]!.path;
  }

  /** Of all that are files at all. */
  stored(): (readonly string[])[] {
    const paths: (readonly string[])[] = [];
    for (const [index, file] of this.#files.entries()) if (!file.padding) paths.push(this.pathOf(index));
    return paths;
  }

  /** The paths that are not the torrent's own, after these changes. */
  with(changes: ReadonlyMap<number, readonly string[]>): Map<number, readonly string[]> {
    const paths = new Map(this.#paths);
    for (const [index, path] of changes) {
      if (path.join('/') === this.#files[index]?.path.join('/')) paths.delete(index);
      else paths.set(index, path);
    }
    return paths;
  }

  /**
   * Pairs of files that cannot both exist once `changes` are made: the same path but for case, or one within the other.
   * One of each pair is in `changes`.
   */
  clash(
    changes: ReadonlyMap<number, readonly string[]>,
  ): { readonly path: readonly string[]; readonly other: readonly string[] } | undefined {
    const owners = new Map<string, number>();
    const folders = new Set<string>();
    const all = (index: number): readonly string[] => changes.get(index) ?? this.pathOf(index);
    for (const [index, file] of this.#files.entries()) {
      if (file.padding) continue;
      const path = all(index);
      const name = path.join('/').toLowerCase();
      const owner = owners.get(name);
      if (owner !== undefined) return { path, other: all(owner) };
      owners.set(name, index);
      for (let depth = 1; depth < path.length; depth++)
        folders.add(path.slice(0, depth).join('/').toLowerCase());
    }
    for (const path of changes.values()) {
      const name = path.join('/').toLowerCase();
      if (folders.has(name)) return { path, other: [...path, '…'] };
      for (let depth = 1; depth < path.length; depth++) {
        const owner = owners.get(path.slice(0, depth).join('/').toLowerCase());
        if (owner !== undefined) return { path, other: all(owner) };
      }
    }
    return undefined;
  }
}
