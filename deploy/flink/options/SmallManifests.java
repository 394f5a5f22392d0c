package rivulet.flink;

import java.util.Collection;
import org.apache.flink.contrib.streaming.state.RocksDBOptionsFactory;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;

/**
 * Lets RocksDB begin its manifest anew when it is long.
 *
 * <p>The manifest lists each file that ever came and went. RocksDB's own limit is 1 GiB, and each
 * checkpoint copies it whole: state that stays as it is grew with every checkpoint. Flink has no
 * setting for it.
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
