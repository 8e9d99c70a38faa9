import { hashLeaves } from '../src/engine/storage/hash-pieces.ts';
import { MemoryHasher } from '../src/memory/index.ts';
import { buildProof, equalBytes, type HashRequest, layersNode, treeHeight } from '../src/protocol/index.ts';
import type { SampleTorrent } from './memory-swarm.ts';

/** Answers hash requests about a torrent from all its leaves, as whoever has everything may. */
export async function answerer(
  sample: SampleTorrent,
): Promise<(request: HashRequest) => Uint8Array | undefined> {
  const hasher = new MemoryHasher();
  const trees: { readonly root: Uint8Array; readonly node: ReturnType<typeof layersNode> }[] = [];
  for (const { piecesRoot, offset, length } of sample.info.files) {
    if (piecesRoot === undefined) continue;
    const leaves = await hashLeaves(sample.content.subarray(offset, offset + length), hasher);
    trees.push({ root: piecesRoot, node: layersNode(leaves, 0, 2 ** treeHeight(length)) });
  }
  return (request) => {
    const tree = trees.find(({ root }) => equalBytes(root, request.piecesRoot));
    return tree && buildProof(request, tree.node);
  };
}
