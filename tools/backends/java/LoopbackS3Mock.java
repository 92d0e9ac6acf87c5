import com.adobe.testing.s3mock.S3MockApplication;
import org.apache.catalina.connector.Connector;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;

/** S3Mock, whose port for plain HTTP is else open on every address, whatever server.address says. */
public final class LoopbackS3Mock {
    private static final BeanPostProcessor LOOPBACK = new BeanPostProcessor() {
        @Override
        public Object postProcessAfterInitialization(Object bean, String name) {
            if (bean instanceof TomcatServletWebServerFactory factory) {
                for (Connector connector : factory.getAdditionalTomcatConnectors()) {
                    connector.setProperty("address", System.getProperty("server.address"));
                }
            }
            return bean;
        }
    };

    public static void main(String[] arguments) {
        SpringApplication application = new SpringApplication(S3MockApplication.class);
        application.addInitializers(context -> context.getBeanFactory().addBeanPostProcessor(LOOPBACK));
        application.run(arguments);
    }
}
