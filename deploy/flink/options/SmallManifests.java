package rivulet.flink;

import java.util.Collection;
import org.apache.flink.contrib.streaming.state.RocksDBOptionsFactory;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;

/**
 * Limits the size of RocksDB's manifest.
 *
 * <p>The manifest is a log of all files that were added and removed. Each checkpoint copies it.
 * RocksDB starts a new manifest at 1 GiB by default, so that checkpoints grow even where the state
 * does not. Flink has no setting for this limit.
 */
public final class SmallManifests implements RocksDBOptionsFactory {
  private static final long BYTES = 64 * 1024;

  @Override
  public DBOptions createDBOptions(DBOptions current, Collection<AutoCloseable> toClose) {
    return current.setMaxManifestFileSize(BYTES);
  }

  @Override
  public ColumnFamilyOptions createColumnOptions(
      ColumnFamilyOptions current, Collection<AutoCloseable> toClose) {
    return current;
  }
}
