import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.apache.lucene.analysis.Analyzer;
import org.opensearch.Version;
import org.opensearch.analysis.common.CommonAnalysisModulePlugin;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.analysis.AnalyzerProvider;
import org.opensearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.opensearch.index.analysis.TokenizerFactory;
import org.opensearch.index.mapper.MapperExtrasModulePlugin;
import org.opensearch.index.reindex.ReindexModulePlugin;
import org.opensearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.opensearch.join.ParentJoinModulePlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessModulePlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin;
import org.opensearch.transport.Netty4ModulePlugin;

/**
 * OpenSearch out of the jars on Maven Central, with the modules of its distribution that a search index needs.
 * Arguments: home directory, the HTTP address, its port, the transport port on loopback.
 */
public final class OpenSearchServer extends Node {
    private static final List<Class<? extends Plugin>> MODULES = List.of(
            Netty4ModulePlugin.class,
            Analysis.class,
            PainlessModulePlugin.class,
            MapperExtrasModulePlugin.class,
            ReindexModulePlugin.class,
            ParentJoinModulePlugin.class,
            MatrixAggregationModulePlugin.class);

    /** A Java runtime without its dictionaries cannot make what splits Thai into words. */
    public static final class Analysis extends CommonAnalysisModulePlugin {
        private static final boolean THAI = org.apache.lucene.analysis.th.ThaiTokenizer.DBBI_AVAILABLE;

        @Override
        public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
            return without(super.getTokenizers());
        }

        @Override
        public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
            return without(super.getAnalyzers());
        }

        @Override
        public List<PreBuiltAnalyzerProviderFactory> getPreBuiltAnalyzerProviderFactories() {
            var factories = new ArrayList<>(super.getPreBuiltAnalyzerProviderFactories());
            factories.removeIf(factory -> !THAI && factory.getName().equals("thai"));
            return factories;
        }

        private static <T> Map<String, T> without(Map<String, T> provided) {
            var able = new TreeMap<>(provided);
            if (!THAI) {
                able.remove("thai");
            }
            return able;
        }
    }

    private OpenSearchServer(Environment environment, List<PluginInfo> modules) {
        super(environment, modules, true);
    }

    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.builder()
                .put("path.home", arguments[0])
                .put("path.data", arguments[0] + "/data")
                .put("path.logs", arguments[0] + "/logs")
                .put("network.host", "127.0.0.1")
                .put("http.host", arguments[1])
                .put("http.port", arguments[2])
                .put("transport.port", arguments[3])
                .put("discovery.type", "single-node")
                .put("cluster.name", "wadi")
                .put("cluster.routing.allocation.disk.threshold_enabled", false)
                .build();
        LogConfigurator.configureWithoutConfig(settings);
        LogConfigurator.setNodeName("wadi");
        Environment environment =
                InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "wadi");
        List<PluginInfo> modules = new ArrayList<>();
        for (Class<? extends Plugin> module : MODULES) {
            String name = module.getName();
            modules.add(new PluginInfo(name, name, "-", Version.CURRENT, "21", name, null, List.of(), false));
        }
        Node node = new OpenSearchServer(environment, modules);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (java.io.IOException error) {
                error.printStackTrace();
            }
            stopped.countDown();
        }));
        node.start();
        stopped.await();
    }
}
