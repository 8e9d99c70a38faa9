import type { Disk } from '../src/engine/ports.ts';
import type { MemoryDisk } from '../src/memory/index.ts';

/** A disk that keeps its bytes when the torrent closes it, to be opened again. */
export function reopening(disk: MemoryDisk): { open(): Promise<Disk>; opens: number; isOpen: number } {
  const state = {
    opens: 0,
    isOpen: 0,
    open: async (): Promise<Disk> => {
      state.opens++;
      state.isOpen++;
      let open = true;
      return new Proxy(disk as Disk, {
        get(target, property): unknown {
          if (property === 'close') {
            return async (): Promise<void> => {
              if (open) state.isOpen--;
              open = false;
            };
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
  return state;
}
